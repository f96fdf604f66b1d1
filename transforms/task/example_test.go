package task_test

import (
	"fmt"

	"flexbeam/schemas/event"
	"flexbeam/schemas/model"
	"flexbeam/transforms/decode"
	"flexbeam/transforms/task"
)

// collector keeps the events that a decoder finds.
type collector struct{ events []*event.Event }

func (c *collector) Event(e *event.Event) {
	e2 := *e // the decoder uses e again
	c.events = append(c.events, &e2)
}
func (c *collector) Dropped()                                   {}
func (c *collector) Refused(*decode.Error, []byte, decode.Spot) {}

// Records of one task, in any order and some twice, become its engagements.
func ExampleFolder_Fold() {
	record := func(id, kind, second string) string {
		return `{"type":"com.twilio.taskrouter.` + kind + `","id":"` + id + `","data":{"payload":{"account_sid":"AC1","timestamp":"2026-03-02T08:00:` + second + `Z",
			"task_sid":"WT1","reservation_sid":"WR1","worker_sid":"WK1","task_attributes":"{\"from\":\"+15551230001\"}"}}}`
	}
	var c collector
	d := decode.New()
	for _, r := range []string{
		record("4", "reservation.wrapup", "30"), record("1", "task-queue.entered", "00"), record("3", "reservation.accepted", "15"),
		record("5", "reservation.completed", "40"), record("2", "reservation.created", "10"), record("3", "reservation.accepted", "15"),
	} {
		d.Line([]byte(r), &c)
	}
	t := &model.Engagements
	emit := func(_ model.TableID, r model.Row) {
		fmt.Println(t.Get(r, "engagement_type"), t.Get(r, "engagement_id"), "waited", t.Get(r, "wait_time_seconds"), "s, engaged", t.Get(r, "engagement_time_seconds"), "s")
	}
	see := func(_ string, r model.Row) { fmt.Println("Customer", model.Customers.Get(r, "contact_id")) }
	out, err := task.NewFolder(task.Options{}).Fold("AC1", "WT1", c.events, emit, see)
	fmt.Println(out.Distinct, "distinct events, error:", err)
	// Output:
	// Queue WT1:1 waited 15 s, engaged  s
	// Agent WR1 waited 15 s, engaged 15 s
	// Customer +15551230001
	// 5 distinct events, error: <nil>
}
