package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is fixed by C2SP tlog-tiles.
const tileHeight = 8

// Source fetches what a log publishes by its path, such as "tile/0/000.p/5".
type Source func(path string) ([]byte, error)

func newSource(base string) Source {
	fetch := fromFolder(base)
	if strings.HasPrefix(base, "http://") || strings.HasPrefix(base, "https://") {
		fetch = fromURL(strings.TrimSuffix(base, "/"))
	}
	seen := make(map[string][]byte)
	return func(path string) ([]byte, error) {
		if data, ok := seen[path]; ok {
			return data, nil
		}
		data, err := fetch(path)
		if err == nil {
			seen[path] = data
		}
		return data, err
	}
}

func fromFolder(folder string) Source {
	return func(path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(folder, filepath.FromSlash(path)))
	}
}

func fromURL(base string) Source {
	client := &http.Client{Timeout: 30 * time.Second}
	return func(path string) ([]byte, error) {
		answer, err := client.Get(base + "/" + path)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("GET %s/%s: %s", base, path, answer.Status)
		}
		return io.ReadAll(io.LimitReader(answer.Body, 1<<25))
	}
}

// Log is a log as its checkpoint describes it, with the hashes recomputed
// from its entries.
type Log struct {
	source   Source
	verifier note.Verifier
	signed   []byte // the checkpoint as it was served
	tree     tlog.Tree
	hashes   []tlog.Hash // in the order of tlog.StoredHashIndex
}

func openLog(source Source, verifier note.Verifier) (*Log, error) {
	signed, err := source("checkpoint")
	if err != nil {
		return nil, err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return nil, err
	}
	return &Log{source: source, verifier: verifier, signed: signed, tree: tree}, nil
}

// openCheckpoint opens a note signed by the log and parses its text, which
// must be origin, size and root: the origin is the name of the log's key.
func openCheckpoint(signed []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("the checkpoint has %d lines, not 3", len(lines)-1)
	}
	if lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is of %q, not of %q", lines[0], verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("%q is not a tree size", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// recompute hashes every entry and compares the root with the signed one.
func (l *Log) recompute() error {
	for n := int64(0); n < l.tree.N; n += 1 << tileHeight {
		entries, err := l.bundle(n >> tileHeight)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			stored, err := tlog.StoredHashes(n+int64(i), entry, l)
			if err != nil {
				return err
			}
			l.hashes = append(l.hashes, stored...)
		}
	}
	root, err := l.rootAt(l.tree.N)
	if err != nil {
		return err
	}
	if root != l.tree.Hash {
		return fmt.Errorf("the root is %v, the checkpoint says %v", root, l.tree.Hash)
	}
	return nil
}

// bundle reads the n-th entry bundle at the width that the tree's size gives it.
func (l *Log) bundle(n int64) ([][]byte, error) {
	width := min(l.tree.N-n<<tileHeight, 1<<tileHeight)
	path := strings.Replace(tilesPath(tlog.Tile{H: tileHeight, L: 0, N: n, W: int(width)}), "tile/0/", "tile/entries/", 1)
	data, err := l.source(path)
	if err != nil {
		return nil, err
	}
	entries, err := parseBundle(data)
	if err == nil && int64(len(entries)) != width {
		err = fmt.Errorf("%s holds %d entries, not %d", path, len(entries), width)
	}
	return entries, err
}

func parseBundle(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("the entry bundle ends in the middle of an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	return entries, nil
}

// ReadHashes serves the recomputed hashes, as a tlog.HashReader.
func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(l.hashes)) {
			return nil, fmt.Errorf("there is no hash %d", index)
		}
		hashes[i] = l.hashes[index]
	}
	return hashes, nil
}

// rootAt is the root of the first size entries.
func (l *Log) rootAt(size int64) (tlog.Hash, error) {
	if size == 0 {
		return sha256.Sum256(nil), nil
	}
	if size < 0 || size > l.tree.N {
		return tlog.Hash{}, fmt.Errorf("the log has %d entries, not %d", l.tree.N, size)
	}
	return tlog.TreeHash(size, l)
}

// Tiles reads tiles from the log, as a tlog.TileReader. Alter, when set, may
// change a tile on its way, as a lying server would.
type Tiles struct {
	source Source
	alter  func(path string, data []byte) []byte
}

func (t *Tiles) Height() int { return tileHeight }

func (t *Tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t *Tiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := tilesPath(tile)
		data, err := t.source(path)
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes, not %d", path, len(data), tile.W*tlog.HashSize)
		}
		if t.alter != nil {
			data = t.alter(path, bytes.Clone(data))
		}
		all[i] = data
	}
	return all, nil
}

// tilesPath is a tile's path in C2SP tlog-tiles, which fixes the height that
// the checksum database names in its paths.
func tilesPath(tile tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
}
