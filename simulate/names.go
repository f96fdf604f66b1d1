package simulate

var firstNames = []string{
	"Ann", "Ben", "Carla", "David", "Zoë", "Łukasz", "José", "Mei", "Omar", "Priya", "Quinn", "Renée", "Søren", "Tomáš",
	"Ursula", "Victor", "Wendy", "Xavier", "Yuki", "Amélie", "Bogdan", "Chloe", "Dmitri", "Elif", "Farid", "Grace",
}

var lastNames = []string{
	"Adams", "Becker", "Castillo", "Dvořák", "O'Neil", "Fischer", "García", "Hansen", "Ito", "Johnson", "Kowalska", "Lindqvist",
	"Müller", "Nguyen", "Okafor", "Petrov", "Quist", "Rossi", "Silva", "Turner", "Ueda", "van der Berg", "White", "Yılmaz",
}

var departments = []string{"Customer Care", "Sales", "Field Service", "Back Office"}

var teams = []string{"Blue", "Green", "Red ▸ North", "Red ▸ South", "Team \"Alpha\"", "Night Owls"}

var companies = []string{"Acme Ltd.", "Globex", "Initech \\ West", "Umbrella & Sons", "Stark \"Industries\"", "Wayne", "Hooli", "Soylent"}

var cities = []struct{ name, state, zip, country, region string }{
	{"SAN FRANCISCO", "CA", "94103", "US", "Americas"},
	{"AUSTIN", "TX", "78701", "US", "Americas"},
	{"CHICAGO", "IL", "60601", "US", "Americas"},
	{"TORONTO", "ON", "", "CA", "Americas"},
	{"LONDON", "England", "", "GB", "EMEA"},
	{"BERLIN", "Berlin", "10115", "DE", "EMEA"},
	{"PRAHA", "Praha", "11000", "CZ", "EMEA"},
	{"KRAKÓW", "Małopolskie", "30-001", "PL", "EMEA"},
}

// anonymous are the texts that stand for a caller who hides the number.
var anonymous = []string{"anonymous", "Restricted", "+266696687", "unavailable", "+7378742833", "+17378742883", "client:Anonymous", "sip:anonymous@anonymous.invalid", "Private"}

var (
	campaigns   = []string{"Spring", "Renewals 2026", "Onboarding", "Win \"back\""}
	categories  = []string{"Order", "Invoice", "Complaint", "Advice", "Technical"}
	languages   = []string{"en", "de", "cs", "es", "fr"}
	outcomes    = []string{"Resolved", "Follow-up needed", "Sold", "Refused", "Information given"}
	outcomeKind = []string{"Success", "Open", "Success", "Failure", "Success"}
	reasons     = []string{"Delivery late", "Price", "Defect", "Change of address", "Contract"}
	tiers       = []string{"bronze", "silver", "gold", "platinum"}
	segments    = []string{"Consumer", "Small business", "Enterprise"}
	apiReasons  = []string{"Canceled by supervisor", "duplicate task", "Customer found answer in app"}
)
