// Ledger-go checks a Muniment log with the packages behind Go's checksum
// database, golang.org/x/mod/sumdb/{note,tlog}, which share nothing with
// Muniment: a log that they accept, strangers can verify.
//
// It opens the signed checkpoint, recomputes the tree from the entries, reads
// every tile, and checks the inclusion and consistency proofs that it is
// given. Then it flips single bits in each of these and demands refusals.
//
//	ledger-go -base URL|DIR -key VERIFIER_KEY -proofs FILE [-mode all|verify|tamper]
//
// One line "PASS name" or "FAIL name: why" a check, then "N passed, M failed".
// The exit code is 0 when nothing failed, 1 when something did, 2 when it was
// called wrongly.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
)

// Proofs is the content of the proofs file. Byte strings are base64.
type Proofs struct {
	// Inclusion proofs, the leaf's sibling first (RFC 9162, 2.1.3).
	Inclusion []Inclusion `json:"inclusion"`
	// Consistency proofs in the order of RFC 9162, 2.1.4; 0 < first <= second.
	Consistency []Consistency `json:"consistency"`
	// Checkpoints are further signed notes of the same log, such as those in
	// receipts. They may be left out.
	Checkpoints []string `json:"checkpoints"`
}

type Inclusion struct {
	Index    int64    `json:"index"`
	Size     int64    `json:"size"`
	LeafHash []byte   `json:"leafHash"`
	Proof    [][]byte `json:"proof"`
}

type Consistency struct {
	First  int64    `json:"first"`
	Second int64    `json:"second"`
	Proof  [][]byte `json:"proof"`
}

// Report prints what was checked and counts it.
type Report struct{ passed, failed int }

func (r *Report) check(err error, format string, args ...any) {
	name := fmt.Sprintf(format, args...)
	if err != nil {
		r.failed++
		fmt.Printf("FAIL %s: %v\n", name, err)
		return
	}
	r.passed++
	fmt.Printf("PASS %s\n", name)
}

func main() {
	base := flag.String("base", "", "URL or folder that holds checkpoint and tile/")
	key := flag.String("key", "", "verifier key of the log: name+id+base64")
	file := flag.String("proofs", "", "JSON file with the proofs to check")
	mode := flag.String("mode", "all", "all, verify or tamper")
	flag.Parse()
	if *base == "" || *key == "" || *file == "" || flag.NArg() > 0 ||
		(*mode != "all" && *mode != "verify" && *mode != "tamper") {
		flag.Usage()
		os.Exit(2)
	}

	var report Report
	run(&report, *base, *key, *file, *mode)
	fmt.Printf("%d passed, %d failed\n", report.passed, report.failed)
	if report.failed > 0 {
		os.Exit(1)
	}
}

func run(report *Report, base, key, file, mode string) {
	verifier, err := note.NewVerifier(key)
	report.check(err, "verifier key")
	if err != nil {
		return
	}
	proofs, err := readProofs(file)
	report.check(err, "proofs file")
	if err != nil {
		return
	}
	log, err := openLog(newSource(base), verifier)
	report.check(err, "checkpoint opens")
	if err != nil {
		return
	}
	err = log.recompute()
	report.check(err, "tree of %d entries recomputed from the entry bundles has the signed root", log.tree.N)
	if err != nil {
		return
	}
	if mode != "tamper" {
		verify(report, log, proofs)
	}
	if mode != "verify" {
		tamper(report, log, proofs)
	}
}

func readProofs(file string) (*Proofs, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var proofs Proofs
	if err := json.Unmarshal(data, &proofs); err != nil {
		return nil, err
	}
	// A file without proofs would let every proof check pass by never running.
	if len(proofs.Inclusion) == 0 || len(proofs.Consistency) == 0 {
		return nil, fmt.Errorf("%s names no inclusion proof or no consistency proof", file)
	}
	return &proofs, nil
}
