package simulate

import (
	"math"
	"time"
)

// delivery writes events as text, delays and spoils them as configured, and hands them on in order
// of arrival.
type delivery struct {
	config Config
	dice   dice // imperfections
	forms  dice // envelopes, apart from the rest so that they change nothing else
	enc    encoder
	fn     func(Record) error
	stats  Stats

	queue heap[parcel]
	sent  int64
	spare [][]byte
	batch batch
	line  textLine

	latest int64 // arrival of the last record handed on
}

// parcel is a text under way. The earliest arrival goes first, in order of sending where equal.
type parcel struct {
	arrival, seq int64
	text         []byte
	key          string
	part         bool // element of an array
	whole        bool // well-formed, so that others can stand behind it
}

func (p parcel) before(o parcel) bool {
	return p.arrival < o.arrival || p.arrival == o.arrival && p.seq < o.seq
}

func newDelivery(c Config, fn func(Record) error) *delivery {
	d := &delivery{config: c, dice: newDice(c.Seed, deliveryDice), forms: newDice(c.Seed, formDice), fn: fn}
	d.line.dice = newDice(c.Seed, lineDice)
	d.enc.shift = c.Shift.Milliseconds()
	d.enc.inner.shift = d.enc.shift
	return d
}

// take sends an event, perhaps twice, perhaps never, perhaps with a broken record behind it.
func (d *delivery) take(e *event) error {
	c := &d.config
	d.stats.Events++
	if d.unsubscribed(e) || d.dice.chance(c.Losses) {
		d.stats.Lost++
	} else {
		arrival := e.at + d.delay()
		d.send(e, arrival)
		if d.dice.chance(c.Duplicates) {
			d.stats.Duplicates++
			d.send(e, arrival+d.retry())
		}
	}
	if d.dice.chance(c.Dirty) {
		d.stats.Dirty++
		broken := *e
		broken.id = d.dice.id()
		broken.fault = faults[faultShares.draw(d.dice)].fault
		d.send(&broken, e.at+d.delay())
	}
	return nil
}

// unsubscribed tells whether the event is of a type that the subscription of its task lacks.
func (d *delivery) unsubscribed(e *event) bool {
	if e.task == nil || d.config.Partial == 0 {
		return false
	}
	switch e.kind {
	case queueEntered, queueTimeout, queueMoved, reservationRescind:
		return float64(mix(e.task.story.seed)%1e6) < d.config.Partial*1e6
	}
	return false
}

// delay draws how late a record arrives: most within seconds, some later, few as late as can be.
func (d *delivery) delay() int64 {
	longest := d.config.Disorder.Milliseconds()
	if longest <= 0 {
		return 0
	}
	switch f := d.dice.Float64(); {
	case f < delays[0].share:
		return min(d.dice.exp(min(2*second, longest/20)), longest)
	case f < delays[0].share+delays[1].share:
		return min(d.dice.exp(longest/20), longest)
	}
	return d.dice.Int64N(longest + 1)
}

var delays = []struct {
	share float64
	text  string
}{
	{0.70, "within seconds"},
	{0.25, "exponential around a twentieth of the longest delay"},
	{0.05, "anywhere up to the longest delay"},
}

// retry draws how much later an event is sent again.
func (d *delivery) retry() int64 {
	longest := max(d.config.Disorder.Milliseconds(), minute)
	if d.dice.chance(0.9) {
		return 1 + min(d.dice.exp(5*second), longest)
	}
	return 1 + d.dice.Int64N(longest)
}

// send writes the text of an event and puts it on its way.
func (d *delivery) send(e *event, arrival int64) {
	form := d.config.Form.draw(d.forms)
	text := d.buffer()
	if e.fault == testEvent || e.fault == foreignType {
		text = d.enc.stranger(text, e, form)
	} else {
		text = d.enc.append(text, e, form)
	}
	part := form == Webhook
	if !e.fault.whole() {
		if part { // alone in its array, or it would take others with it
			text, part = append(append(append(d.buffer(), '['), text...), ']'), false
		}
		text = e.fault.soil(text, d.dice)
	}
	d.sent++
	d.queue.push(parcel{arrival, d.sent, text, e.key(), part, e.fault.whole()})
}

func (d *delivery) buffer() []byte {
	if n := len(d.spare); n > 0 {
		b := d.spare[n-1]
		d.spare = d.spare[:n-1]
		return b[:0]
	}
	return make([]byte, 0, 4096)
}

// release hands on every parcel that arrives before a time; nothing earlier can come any more.
func (d *delivery) release(before int64) error {
	for len(d.queue) > 0 && d.queue[0].arrival < before {
		if err := d.hand(d.queue.pop()); err != nil {
			return err
		}
	}
	return nil
}

func (d *delivery) flush() error {
	if err := d.release(math.MaxInt64); err != nil {
		return err
	}
	if err := d.closeBatch(max(d.latest, d.batch.newest)); err != nil {
		return err
	}
	return d.closeLine()
}

func (d *delivery) hand(p parcel) error {
	if d.batch.due(p.arrival) {
		if err := d.closeBatch(d.batch.first + batchTime); err != nil {
			return err
		}
	}
	var err error
	if p.part {
		if d.batch.add(p, d.forms) {
			err = d.closeBatch(p.arrival)
		}
	} else {
		err = d.record(p.text, p.arrival, p.key, p.whole)
	}
	if len(d.spare) < 1<<12 {
		d.spare = append(d.spare, p.text)
	}
	return err
}

func (d *delivery) closeBatch(arrival int64) error {
	b := &d.batch
	if b.count == 0 {
		return nil
	}
	b.text = append(b.text, ']')
	b.count = 0
	return d.record(b.text, arrival, b.key, true)
}

// record puts a record behind the line under way, or ends that and begins another.
func (d *delivery) record(text []byte, arrival int64, key string, whole bool) error {
	d.latest = arrival
	d.stats.Records++
	l := &d.line
	if l.joins(d.config.Joined) {
		d.stats.Joined++
		l.add(text, arrival, whole)
		return nil
	}
	if err := d.closeLine(); err != nil {
		return err
	}
	l.begin(text, arrival, key, whole)
	if d.config.Joined > 0 {
		return nil
	}
	return d.closeLine()
}

// closeLine hands on the line under way.
func (d *delivery) closeLine() error {
	l := &d.line
	if l.count == 0 {
		return nil
	}
	l.count = 0
	d.stats.Bytes += int64(len(l.text)) + 1
	return d.fn(Record{Text: l.text, Arrival: time.UnixMilli(l.arrival + d.enc.shift).UTC(), Key: l.key})
}
