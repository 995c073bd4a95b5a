package main

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// verify checks everything the log published, and every proof it handed out.
func verify(report *Report, log *Log, proofs *Proofs) {
	tiles := tlog.NewTiles(tileHeight, 0, log.tree.N)
	for _, tile := range tiles {
		report.check(checkTile(log, tile), "%s", tilesPath(tile))
	}
	report.check(checkLeaves(log), "every leaf hash read through authenticated tiles")
	for i, signed := range proofs.Checkpoints {
		report.check(checkCheckpoint(log, signed), "checkpoint %d of the proofs file", i)
	}
	for _, p := range proofs.Inclusion {
		report.check(checkInclusion(log, p), "inclusion of %d in %d", p.Index, p.Size)
	}
	for _, p := range proofs.Consistency {
		report.check(checkConsistency(log, p), "consistency of %d with %d", p.First, p.Second)
	}
}

// checkTile compares a published tile, byte for byte, with the one that the
// entries give.
func checkTile(log *Log, tile tlog.Tile) error {
	want, err := tlog.ReadTileData(tile, log)
	if err != nil {
		return err
	}
	got, err := (&Tiles{source: log.source}).ReadTiles([]tlog.Tile{tile})
	if err != nil {
		return err
	}
	if !bytes.Equal(got[0], want) {
		return fmt.Errorf("the tile differs from the entries")
	}
	return nil
}

// checkLeaves reads the leaf hashes as a client does that trusts nothing but
// the checkpoint.
func checkLeaves(log *Log) error {
	reader := tlog.TileHashReader(log.tree, &Tiles{source: log.source})
	for start := int64(0); start < log.tree.N; start += 1 << tileHeight {
		var indexes []int64
		for n := start; n < min(start+1<<tileHeight, log.tree.N); n++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, n))
		}
		got, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		want, err := log.ReadHashes(indexes)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("leaf hashes from %d on differ from the entries", start)
		}
	}
	return nil
}

func checkCheckpoint(log *Log, signed string) error {
	tree, err := openCheckpoint([]byte(signed), log.verifier)
	if err != nil {
		return err
	}
	root, err := log.rootAt(tree.N)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the first %d entries have root %v, the checkpoint says %v", tree.N, root, tree.Hash)
	}
	return nil
}

func checkInclusion(log *Log, p Inclusion) error {
	leaf, proof, root, err := log.inclusion(p)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, p.Size, root, p.Index, leaf); err != nil {
		return err
	}
	stored, err := log.ReadHashes([]int64{tlog.StoredHashIndex(0, p.Index)})
	if err != nil {
		return err
	}
	if stored[0] != leaf {
		return fmt.Errorf("the leaf hash is not that of entry %d", p.Index)
	}
	own, err := tlog.ProveRecord(p.Size, p.Index, tlog.TileHashReader(log.tree, &Tiles{source: log.source}))
	if err != nil {
		return err
	}
	if !slices.Equal(own, proof) {
		return fmt.Errorf("tlog.ProveRecord makes another proof from the same tiles")
	}
	return nil
}

func checkConsistency(log *Log, p Consistency) error {
	proof, first, second, err := log.consistency(p)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, p.Second, second, p.First, first); err != nil {
		return err
	}
	own, err := tlog.ProveTree(p.Second, p.First, tlog.TileHashReader(log.tree, &Tiles{source: log.source}))
	if err != nil {
		return err
	}
	if !slices.Equal(own, proof) {
		return fmt.Errorf("tlog.ProveTree makes another proof from the same tiles")
	}
	return nil
}

func (l *Log) inclusion(p Inclusion) (leaf tlog.Hash, proof tlog.RecordProof, root tlog.Hash, err error) {
	if p.Index < 0 || p.Index >= p.Size {
		return leaf, nil, root, fmt.Errorf("there is no leaf %d of %d", p.Index, p.Size)
	}
	leaves, err := toHashes([][]byte{p.LeafHash})
	if err != nil {
		return leaf, nil, root, err
	}
	hashes, err := toHashes(p.Proof)
	if err != nil {
		return leaf, nil, root, err
	}
	root, err = l.rootAt(p.Size)
	return leaves[0], hashes, root, err
}

func (l *Log) consistency(p Consistency) (proof tlog.TreeProof, first, second tlog.Hash, err error) {
	if p.First < 1 || p.First > p.Second {
		return nil, first, second, fmt.Errorf("no proof leads from %d to %d entries", p.First, p.Second)
	}
	hashes, err := toHashes(p.Proof)
	if err != nil {
		return nil, first, second, err
	}
	if first, err = l.rootAt(p.First); err != nil {
		return nil, first, second, err
	}
	second, err = l.rootAt(p.Second)
	return hashes, first, second, err
}

func toHashes(all [][]byte) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(all))
	for i, data := range all {
		if len(data) != tlog.HashSize {
			return nil, fmt.Errorf("a hash has %d bytes, not %d", len(data), tlog.HashSize)
		}
		copy(hashes[i][:], data)
	}
	return hashes, nil
}
