package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	f_note "github.com/transparency-dev/formats/note"
	w_http "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tree is a log in memory, by the Go checksum database's own arithmetic.
type tree struct {
	hashes []tlog.Hash
	size   int64
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = t.hashes[index]
	}
	return out, nil
}

func grown(size int64, branch string) *tree {
	t := &tree{}
	for t.size < size {
		more, err := tlog.StoredHashes(t.size, fmt.Appendf(nil, "%s %d", branch, t.size), t)
		must(err)
		t.hashes = append(t.hashes, more...)
		t.size++
	}
	return t
}

func (t *tree) checkpoint(signer note.Signer, origin string) []byte {
	root, err := tlog.TreeHash(t.size, t)
	must(err)
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, t.size, root)}, signer)
	must(err)
	return signed
}

func (t *tree) proof(from int64) [][]byte {
	if from == 0 || from == t.size {
		return nil
	}
	hashes, err := tlog.ProveTree(t.size, from, t)
	must(err)
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// runClient asks as omniwitness's feeders do, and expects each answer of the standard.
func runClient(witnessURL, witnessKey, skey string) {
	ctx := context.Background()
	base, err := url.Parse(witnessURL)
	must(err)
	client := w_http.NewWitness(base, &http.Client{Timeout: 10 * time.Second})
	signer, err := note.NewSigner(skey)
	must(err)
	cosigner, err := f_note.NewVerifierForCosignatureV1(witnessKey)
	must(err)
	origin := signer.Name()

	accepted := func(name string, old uint64, cp []byte, proof [][]byte) {
		lines, _, err := client.Update(ctx, old, cp, proof)
		if err == nil {
			_, err = note.Open(append(append([]byte{}, cp...), lines...), note.VerifierList(cosigner))
		}
		check(name, err)
	}
	refused := func(name string, old uint64, cp []byte, proof [][]byte, want error, wantSize uint64) {
		_, size, err := client.Update(ctx, old, cp, proof)
		switch {
		case !errors.Is(err, want):
			err = fmt.Errorf("got %v, want %v", err, want)
		case size != wantSize:
			err = fmt.Errorf("got size %d, want %d", size, wantSize)
		default:
			err = nil
		}
		check(name, err)
	}

	t5, t9, t300, fork9 := grown(5, "main"), grown(9, "main"), grown(300, "main"), grown(9, "fork")
	cp := func(t *tree) []byte { return t.checkpoint(signer, origin) }
	accepted("the first checkpoint", 0, cp(t5), nil)
	accepted("the same again", 5, cp(t5), nil)
	refused("an old size that is not held", 0, cp(t9), nil, witness.ErrCheckpointStale, 5)
	refused("another tree of that size", 5, cp(grown(5, "fork")), nil, witness.ErrCheckpointStale, 5)
	refused("an old size beyond the checkpoint", 9, cp(t5), nil, witness.ErrOldSizeInvalid, 0)
	refused("no proof", 5, cp(t9), nil, witness.ErrInvalidProof, 0)
	refused("a fork with a proof of its own", 5, cp(fork9), fork9.proof(5), witness.ErrInvalidProof, 0)
	for i, hash := range t9.proof(5) {
		for bit := range 8 * len(hash) {
			proof := t9.proof(5)
			changed := append([]byte{}, hash...)
			changed[bit/8] ^= 1 << (bit % 8)
			proof[i] = changed
			if _, _, err := client.Update(ctx, 5, cp(t9), proof); !errors.Is(err, witness.ErrInvalidProof) {
				check(fmt.Sprintf("bit %d of hash %d of the proof flipped", bit, i), fmt.Errorf("got %v", err))
			}
		}
	}
	check("each bit of each hash of the proof flipped", nil)
	refused("an unknown log", 0, t5.checkpoint(signer, "unknown.example/log"), nil, witness.ErrUnknownLog, 0)
	changed := []byte(strings.Replace(string(cp(t9)), "\n9\n", "\n8\n", 1))
	refused("a size that was changed after signing", 5, changed, t9.proof(5), witness.ErrNoValidSignature, 0)
	accepted("the proof from 5 to 9", 5, cp(t9), t9.proof(5))
	accepted("the proof from 9 to 300", 9, cp(t300), t300.proof(9))
	refused("the way back", 300, cp(t9), nil, witness.ErrOldSizeInvalid, 0)
	finish()
}
