package main

import (
	"errors"
	"time"
)

var errEarly = errors.New("it lies before 1970: write a later time")

var errMoment = errors.New("write yesterday, today, a date such as 2026-03-01, or a time with its zone such as 2026-03-01T08:00:00Z")

// parseMoment returns a time that is written as yesterday, today or a date, which are where the day
// begins in a zone, or as RFC 3339, which states its own.
func parseMoment(text string, zone *time.Location, now time.Time) (time.Time, error) {
	y, m, d := now.In(zone).Date()
	switch text {
	case "today":
		return time.Date(y, m, d, 0, 0, 0, 0, zone), nil
	case "yesterday":
		return time.Date(y, m, d-1, 0, 0, 0, 0, zone), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		t, err = time.Parse(time.RFC3339Nano, text)
	}
	switch {
	case err != nil:
		return time.Time{}, errMoment
	case t.Unix() < 0:
		return time.Time{}, errEarly
	}
	return t, nil
}
