package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// verify opens a checkpoint under the log's key and each witness's, and then with
// each bit of time and signature flipped.
func verify(logKey, file string, witnessKeys []string) {
	signed, err := os.ReadFile(file)
	must(err)
	log, err := note.NewVerifier(logKey)
	must(err)
	for _, key := range witnessKeys {
		name, _, _ := strings.Cut(key, "+")
		witness, err := f_note.NewVerifierForCosignatureV1(key)
		must(err)
		check(name+": both signatures hold", open(signed, log, witness))

		at := bytes.Index(signed, []byte("\n— "+name+" "))
		line, _, _ := bytes.Cut(signed[at+1:], []byte("\n"))
		fields := strings.Fields(string(line))
		payload, err := base64.StdEncoding.DecodeString(fields[2])
		must(err)
		var through []string
		for bit := 32; bit < 8*len(payload); bit++ {
			changed := bytes.Clone(payload)
			changed[bit/8] ^= 1 << (bit % 8)
			note := bytes.Replace(signed, line, []byte("— "+name+" "+base64.StdEncoding.EncodeToString(changed)), 1)
			if open(note, log, witness) == nil {
				through = append(through, fmt.Sprint(bit))
			}
		}
		check(fmt.Sprintf("%s: refused with each of %d bits of time and signature flipped", name, 8*len(payload)-32), none(through))
		if open(bytes.Replace(signed, append(line, '\n'), nil, 1), log, witness) == nil {
			through = append(through, "left out")
		}
		check(name+": missed when its line is left out", none(through))
	}
	finish()
}

// open wants both signatures.
func open(signed []byte, log, witness note.Verifier) error {
	n, err := note.Open(signed, note.VerifierList(log, witness))
	if err != nil {
		return err
	}
	if len(n.Sigs) != 2 {
		return fmt.Errorf("%d signatures of two hold", len(n.Sigs))
	}
	return nil
}

func none(through []string) error {
	if len(through) == 0 {
		return nil
	}
	return fmt.Errorf("accepted: %s", strings.Join(through, ", "))
}
