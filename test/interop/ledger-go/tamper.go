package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// flipsPerTile bounds the work on a large log; the flips are spread evenly.
const flipsPerTile = 8

// tamper flips one bit at a time and demands that each change is refused.
func tamper(report *Report, log *Log, proofs *Proofs) {
	split := bytes.LastIndex(log.signed, []byte("\n\n")) + 1
	report.check(flipText(log, split), "tampered: each bit of the checkpoint's text")
	report.check(flipSignature(log, split), "tampered: each bit of the checkpoint's signature")
	for _, tile := range tlog.NewTiles(tileHeight, 0, log.tree.N) {
		report.check(flipTile(log, tile), "tampered: %s", tilesPath(tile))
	}
	for n := int64(0); n<<tileHeight < log.tree.N; n++ {
		report.check(flipEntries(log, n), "tampered: a bit in each entry of bundle %d", n)
	}
	for _, p := range proofs.Inclusion {
		report.check(flipInclusion(log, p), "tampered: a bit in each hash of the inclusion of %d in %d", p.Index, p.Size)
	}
	for _, p := range proofs.Consistency {
		report.check(flipConsistency(log, p), "tampered: a bit in each hash of the consistency of %d with %d", p.First, p.Second)
	}
}

func flipText(log *Log, end int) error {
	for bit := 0; bit < 8*end; bit++ {
		changed := flip(log.signed, bit)
		if tree, err := openCheckpoint(changed, log.verifier); err == nil {
			return fmt.Errorf("bit %d flipped and still opened, size %d", bit, tree.N)
		}
	}
	return nil
}

// flipSignature flips the bits of the key ID and the signature, not those of
// their base64, and keeps only the line of the log itself.
func flipSignature(log *Log, split int) error {
	text := string(log.signed[:split])
	prefix := "— " + log.verifier.Name() + " "
	for _, line := range strings.Split(string(log.signed[split+1:]), "\n") {
		encoded, ok := strings.CutPrefix(line, prefix)
		if !ok {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return err
		}
		assemble := func(signature []byte) []byte {
			return []byte(text + "\n" + prefix + base64.StdEncoding.EncodeToString(signature) + "\n")
		}
		if _, err := openCheckpoint(assemble(signature), log.verifier); err != nil {
			return fmt.Errorf("put together again unchanged: %w", err)
		}
		for bit := 0; bit < 8*len(signature); bit++ {
			if _, err := openCheckpoint(assemble(flip(signature, bit)), log.verifier); err == nil {
				return fmt.Errorf("bit %d flipped and still opened", bit)
			}
		}
		return nil
	}
	return fmt.Errorf("the checkpoint has no line of %q", log.verifier.Name())
}

// flipTile serves one tile with a flipped bit and reads all its hashes.
func flipTile(log *Log, tile tlog.Tile) error {
	path := tilesPath(tile)
	var indexes []int64
	for i := 0; i < tile.W; i++ {
		indexes = append(indexes, tlog.StoredHashIndex(tileHeight*tile.L, tile.N<<tileHeight+int64(i)))
	}
	read := func(bit int) error {
		tiles := &Tiles{source: log.source, alter: func(asked string, data []byte) []byte {
			if asked != path || bit < 0 {
				return data
			}
			return flip(data, bit)
		}}
		_, err := tlog.TileHashReader(log.tree, tiles).ReadHashes(indexes)
		return err
	}
	if err := read(-1); err != nil {
		return fmt.Errorf("read unchanged: %w", err)
	}
	bits := 8 * tlog.HashSize * tile.W
	for i := 0; i < flipsPerTile; i++ {
		if bit := i*bits/flipsPerTile + i; read(bit) == nil {
			return fmt.Errorf("bit %d flipped and still read", bit)
		}
	}
	return nil
}

func flipEntries(log *Log, n int64) error {
	entries, err := log.bundle(n)
	if err != nil {
		return err
	}
	for i, entry := range entries {
		index := n<<tileHeight + int64(i)
		stored, err := log.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		if tlog.RecordHash(entry) != stored[0] {
			return fmt.Errorf("entry %d unchanged has another hash", index)
		}
		if len(entry) > 0 && tlog.RecordHash(flip(entry, i%(8*len(entry)))) == stored[0] {
			return fmt.Errorf("entry %d with a flipped bit has the same hash", index)
		}
	}
	return nil
}

func flipInclusion(log *Log, p Inclusion) error {
	leaf, proof, root, err := log.inclusion(p)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, p.Size, root, p.Index, leaf); err != nil {
		return fmt.Errorf("unchanged: %w", err)
	}
	for i := range proof {
		changed := slices.Clone(proof)
		changed[i] = flipHash(proof[i], i)
		if tlog.CheckRecord(changed, p.Size, root, p.Index, leaf) == nil {
			return fmt.Errorf("hash %d changed and still proved", i)
		}
	}
	if tlog.CheckRecord(proof, p.Size, root, p.Index, flipHash(leaf, 5)) == nil {
		return fmt.Errorf("the leaf hash changed and still proved")
	}
	if tlog.CheckRecord(proof, p.Size, flipHash(root, 6), p.Index, leaf) == nil {
		return fmt.Errorf("the root changed and still proved")
	}
	return nil
}

func flipConsistency(log *Log, p Consistency) error {
	proof, first, second, err := log.consistency(p)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, p.Second, second, p.First, first); err != nil {
		return fmt.Errorf("unchanged: %w", err)
	}
	for i := range proof {
		changed := slices.Clone(proof)
		changed[i] = flipHash(proof[i], i)
		if tlog.CheckTree(changed, p.Second, second, p.First, first) == nil {
			return fmt.Errorf("hash %d changed and still proved", i)
		}
	}
	if tlog.CheckTree(proof, p.Second, second, p.First, flipHash(first, 5)) == nil {
		return fmt.Errorf("the first root changed and still proved")
	}
	if tlog.CheckTree(proof, p.Second, flipHash(second, 6), p.First, first) == nil {
		return fmt.Errorf("the second root changed and still proved")
	}
	return nil
}

func flipHash(hash tlog.Hash, bit int) tlog.Hash {
	hash[bit%256/8] ^= 1 << (bit % 8)
	return hash
}

func flip(data []byte, bit int) []byte {
	changed := bytes.Clone(data)
	changed[bit/8] ^= 1 << (bit % 8)
	return changed
}
