package simulate

// story is what the attributes of a task tell. It grows while the task lives; attributes.go and
// conversation.go write it down as of now.
type story struct {
	link, lateLink, media, midway, outcome, facts, times, campaign, misspelt, hidden, unknown, full, spoken, named bool // traits

	seed         uint64 // the rest of what is drawn, by digit
	kind         string // taskType
	channelType  string
	custom       string // customChannelType
	partner      string // task of the other end of an internal call
	virtual      bool   // made only to report
	conversation string // conversations.conversation_id, empty on the first call of a conversation
	previous     string // task that this one goes on from
	attempts     int64

	call, conference, workerCall    string
	interaction, interactionChannel string
	invite, chat                    string
	talking, noted, ended, late     bool

	abandoned, phase, hangUpBy, destination string
	talked                                  *reservation // last one that talked
	recording                               string
	copied                                  []byte // reservation_attributes taken over from the previous task
	caller                                  *agent // of an internal call
}

// digit gives an index below n that stays the same for the life of the task.
func (s *story) digit(place, n int) int {
	return int(mix(s.seed+uint64(place)) % uint64(n))
}

// The digits.
const (
	topicDigit = iota
	outcomeDigit
	reasonDigit
	categoryDigit
	languageDigit
	campaignDigit
	factDigit
	caseDigit
	holdDigit
	anonymousDigit
	stampDigit
	phoneDigit
	internalDigit
)
