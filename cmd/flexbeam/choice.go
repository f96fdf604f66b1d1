package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// A choice is a flag whose value is one of a list.
type choice struct {
	value string
	of    []string
}

func newChoice(value string, of ...string) choice { return choice{value, of} }

// String implements pflag.Value.
func (c *choice) String() string { return c.value }

// Type implements pflag.Value: the list stands for the value in the help.
func (c *choice) Type() string { return strings.Join(c.of, "|") }

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return fmt.Errorf("choose one of %s", strings.Join(c.of, ", "))
	}
	c.value = s
	return nil
}

// add makes the choice a flag of cmd, with completion.
func (c *choice) add(cmd *cobra.Command, persistent bool, name, usage string) {
	set := cmd.Flags()
	if persistent {
		set = cmd.PersistentFlags()
	}
	set.Var(c, name, usage)
	must(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(c.of, cobra.ShellCompDirectiveNoFileComp)))
}

// must panics on errors that only a mistake in this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
