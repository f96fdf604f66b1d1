package simulate

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestValidateNamesTheWrongSetting(t *testing.T) {
	tests := []struct {
		name string // appears in the error; empty: no error
		set  func(*Config)
	}{
		{"", func(c *Config) {}},
		{"", func(c *Config) { c.Form = "" }},
		{"", func(c *Config) { c.Hours, c.Events = 0, 10 }},
		{"start", func(c *Config) { c.Start = time.Time{} }},
		{"start", func(c *Config) { c.Start = time.Unix(-1, 0) }},
		{"shift", func(c *Config) { c.Shift = -time.Duration(math.MaxInt64) }},
		{"hours", func(c *Config) { c.Hours = 0 }},
		{"hours", func(c *Config) { c.Hours = math.NaN() }},
		{"agents", func(c *Config) { c.Agents = -1 }},
		{"agents", func(c *Config) { c.Agents, c.Accounts = 1, 2 }},
		{"tasks", func(c *Config) { c.Tasks = -1 }},
		{"accounts", func(c *Config) { c.Accounts = 5000 }},
		{"events", func(c *Config) { c.Events = -1 }},
		{"form", func(c *Config) { c.Form = "xml" }},
		{"disorder", func(c *Config) { c.Disorder = -time.Second }},
		{"disorder", func(c *Config) { c.Disorder = 1000 * time.Hour }},
		{"duplicates", func(c *Config) { c.Duplicates = 1.5 }},
		{"losses", func(c *Config) { c.Losses = -0.1 }},
		{"dirty", func(c *Config) { c.Dirty = math.NaN() }},
	}
	for _, tt := range tests {
		c := DefaultConfig()
		tt.set(&c)
		err := c.Validate()
		switch {
		case tt.name == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case tt.name != "" && (err == nil || !strings.HasPrefix(err.Error(), "simulate: "+tt.name+":")):
			t.Errorf("%s: error is %v", tt.name, err)
		case err != nil && strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: more than a line: %v", tt.name, err)
		}
	}
}

func TestExtremeConfigsAreDrawn(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Config)
	}{
		{"no tasks", func(c *Config) { c.Tasks = 0 }},
		{"one agent", func(c *Config) { c.Agents, c.Tasks = 1, 50 }},
		{"far too many tasks", func(c *Config) { c.Agents, c.Tasks, c.Hours = 5, 1000, 3 }},
		{"a minute", func(c *Config) { c.Hours, c.Tasks = 1.0/60, 20 }},
		{"a weekend", func(c *Config) { c.Start = c.Start.Add(-48 * time.Hour) }},
		{"many accounts", func(c *Config) { c.Accounts, c.Tasks = 40, 400 }},
		{"everything lost", func(c *Config) { c.Losses = 1 }},
		{"everything twice and soiled", func(c *Config) { c.Tasks, c.Duplicates, c.Disorder = 100, 1, time.Hour }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := DefaultConfig()
			tt.set(&c)
			if _, stats := draw(t, c); stats.Events == 0 {
				t.Error("no events")
			}
		})
	}
}
