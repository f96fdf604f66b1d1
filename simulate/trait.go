package simulate

// trait is something that a task may have besides its lifecycle.
type trait struct {
	name  string
	share float64 // percent of the tasks that can have it
	set   func(*story)
}

var traits = []trait{
	{"recording link in the attributes at completion (calls)", 30, func(s *story) { s.link = true }},
	{"recording link only in a task.updated within 2 minutes after completion (calls)", 25, func(s *story) { s.lateLink = true }},
	{"recording as media of the reservation (calls)", 8, func(s *story) { s.media = true }},
	{"attributes updated during the talk", 15, func(s *story) { s.midway = true }},
	{"outcome, reason, category", 65, func(s *story) { s.outcome = true }},
	{"facts and attributes 1 to 3", 20, func(s *story) { s.facts = true }},
	{"hold and focus time", 15, func(s *story) { s.times = true }},
	{"campaign, case", 20, func(s *story) { s.campaign = true }},
	{"keys misspelt as the Salted page has them", 1, func(s *story) { s.misspelt, s.campaign = true, true }},
	{"caller hides the number (inbound calls)", 3, func(s *story) { s.hidden = true }},
	{"all attributes that Flex and the customer base know", 12, func(s *story) { s.full = true }},
	{"phone as a person writes it: blanks, brackets, 00, tel:, a mark of writing direction", 6, func(s *story) { s.spoken = true }},
	{"customer and company as name and twilioNumber alone (messages)", 10, func(s *story) { s.named = true }},
	{"no customers object", 18, func(s *story) { s.unknown = true }},
}
