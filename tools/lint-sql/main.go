package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "lint-sql: name the files to analyse")
		os.Exit(2)
	}
	faults, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint-sql:", err)
		os.Exit(2)
	}
	if faults > 0 {
		os.Exit(1)
	}
}

func run(files []string) (faults int, err error) {
	a, err := newAnalyser()
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		all := statements(string(text))
		if strings.HasSuffix(file, ".md") {
			all = blocks(string(text))
		}
		n := 0
		for _, s := range all {
			if err := a.analyse(s.text); err != nil {
				n++
				fmt.Printf("%s:%d: %v\n", file, s.line, err)
			}
		}
		faults += n
		fmt.Printf("%s: %d statements, %d faults\n", file, len(all), n)
	}
	return faults, nil
}
