// Command witness-go sets others' witnesses, logs and verifiers on Muniment's, and
// Muniment's on theirs. Nothing here shares code with Muniment.
//
//	witness-go keygen NAME                      a log's key, as JSON
//	witness-go witness LOG_KEY NAME             a witness of transparency-dev, until standard input closes
//	witness-go log URL WITNESS_KEY SKEY FOLDER  a Tessera log that publishes what that witness cosigned
//	witness-go client URL WITNESS_KEY SKEY      transparency-dev's client asks for everything that the standard names
//	witness-go verify LOG_KEY FILE KEY...       a checkpoint and its cosignatures, and each bit of them flipped
package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
)

func main() {
	if len(os.Args) < 3 {
		fail("usage: witness-go keygen|witness|log|client|verify ...")
	}
	args := os.Args[2:]
	switch os.Args[1] {
	case "keygen":
		skey, vkey, err := note.GenerateKey(rand.Reader, args[0])
		must(err)
		print(map[string]string{"skey": skey, "vkey": vkey})
	case "witness":
		serveWitness(args[0], args[1])
	case "log":
		runLog(args[0], args[1], args[2], args[3])
	case "client":
		runClient(args[0], args[1], args[2])
	case "verify":
		verify(args[0], args[1], args[2:])
	default:
		fail("there is no command %q", os.Args[1])
	}
}

var passed, failed int

// check counts one expectation and says how it went.
func check(name string, err error) {
	if err == nil {
		passed++
		fmt.Printf("PASS %s\n", name)
		return
	}
	failed++
	fmt.Printf("FAIL %s: %v\n", name, err)
}

// finish prints the sum and ends the program.
func finish() {
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}

func print(value any) {
	must(json.NewEncoder(os.Stdout).Encode(value))
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
