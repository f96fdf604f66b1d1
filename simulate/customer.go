package simulate

import "fmt"

// customer is somebody who gets in touch. All of it follows from the number, so that customers
// return without being kept, and the same customer can turn to several accounts.
type customer struct {
	number            uint64
	first, last       string
	phone, email, crm string // crm: external id; may be empty
	city              int
	company           int
	tier              int
}

// customerOf gives customer n as known at a time; most rise by one tier somewhere within the span
// that begins at start.
func customerOf(seed, n uint64, at, start, span int64) customer {
	h := mix(seed ^ mix(n))
	draw := func(k int) int {
		h = mix(h)
		return int(h % uint64(k))
	}
	c := customer{number: n}
	c.first, c.last = firstNames[draw(len(firstNames))], lastNames[draw(len(lastNames))]
	c.city, c.company = draw(len(cities)), draw(len(companies))
	c.phone = fmt.Sprintf("+1%03d%07d", 200+draw(700), n%10_000_000)
	c.email = fmt.Sprintf("%s.%d@customer.example", ascii(c.first), n)
	if draw(100) < 60 {
		c.crm = fmt.Sprintf("crm-%06d", n)
	}
	c.tier = draw(len(tiers) - 1)
	if at-start > int64(draw(1000))*span/1000 {
		c.tier++
	}
	return c
}

// returning draws the customer of a contact: the low numbers come again and again.
func (c *centre) returning() customer {
	f := c.dice.Float64()
	pool := max(c.contacts*6/10, 40)
	return customerOf(c.Seed, uint64(f*f*float64(pool)), c.now, c.begin, max(c.span, hour))
}

// write adds the customers object of the task attributes; full, with what only some integrations
// know.
func (u *customer) write(x *text, full bool, phone string) {
	x.open("customers")
	x.str("name", u.first+" "+u.last)
	x.opt("external_id", u.crm)
	x.str("phone", phone)
	if full {
		x.plain("email", u.email)
	}
	x.plain("category", tiers[u.tier])
	place := cities[u.city]
	x.plain("country", place.country)
	if full {
		x.str("organization", companies[u.company])
		x.str("state", place.state)
		x.plain("region", place.region)
		x.plain("segment", segments[u.company%len(segments)])
	}
	x.close()
}
