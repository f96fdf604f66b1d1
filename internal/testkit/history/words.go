package history

// What attributes and fields hold: usual values first, then those on which a rule turns.
var (
	words = []any{
		"gold", "spring", "Zürich", " silver\u2003", "", "  ", nil, 7, 0, 12.25, true, false, []any{"x", " y "}, []any{}, []any{nil, "", "z", map[string]any{"o": 1}},
		map[string]any{"o": 1}, "quote \" \\ \n end", "😀", "a\u200bb", "\u3000", 9007199254740993,
	}
	phones = []any{
		"+15551230001", "+15551230002", " +1 555 123 0001 ", "whatsapp:+15551230001", "WhatsApp:+15551230002", "tel:+15551230003",
		"sip:+15551230001@pbx.example.com", "messenger:100200", "anonymous", "RESTRICTED", "+266696687", "tel:Anonymous", "", nil, " ", 15551230004,
		"+1 (555) 123-0001", "0015551230001", "sip:Bob@pbx.example.com;user=phone", "\u202a+15551230002\u202c", "+7378742833", "Ann", "telegram:998877", "client:restricted", "id-7",
	}
	mails     = []any{"ann@example.com", "Ann@Example.com ", "bob@example.org", "anonymous", "", nil}
	externals = []any{"crm-1", " crm-1 ", "CRM-1", 42, "42", "", nil, "anonymous", map[string]any{"id": 1}, []any{"a", "b"}}
	numbers   = []any{5, "5", " 7.5 ", "1,5", "abc", "NaN", "Infinity", "0x10", "1e3", -3, "-4.5", true, nil, "", 0, "0", 12345.678, ".5", "1_000"}

	directions = []any{"inbound", "outbound", "Inbound", "OUTBOUND", "outbound-api", "internal", " inbound ", "sideWAYS", "", nil}
	channels   = []any{"voice", "voice", "chat", "sms", "default", "email", "whatsapp", "pigeon"}
	types      = []any{"web-chat", "PSTN", "telegram", "rcs", "voice", "Web", "sms", "email", "video", "pigeon", "", nil, " Call "}
	roles      = []any{
		"agent", []any{"agent", "wfo.full_access"}, []any{"wfo.admin"}, "agent, supervisor", []any{"Supervisor", "agent"}, "teamlead, coach", "", []any{}, nil, "Admin", " , ",
	}
	reasons = []any{"customer_hangup", "Customer ended chat.", "hangup", "HangUp", " hangup ", "Task canceled on Workflow timeout", "hangup by x", "", nil, "resolved", 42}
	broken  = []any{"{bad", "", "null", "[1]", `"x"`, 5, nil, true, `{"from":NaN}`, []any{}, "{} x", "  "}
	truths  = []any{true, "Yes", 1, "true", false, "no", "Follow-Up", "", nil, []any{true}}
	hosts   = []any{"WT1", "WT2", "CF1", "", nil}
	links   = []any{"s3://bucket/1", "https://rec.example/1", "https://rec.example/2", " https://rec.example/3 ", "", nil}
	scalars = []any{"a scalar", 5, nil, "", " ", []any{}, []any{"l"}, map[string]any{}, false}

	queues     = [][2]string{{"WQ1", "Support"}, {"WQ2", "Sales"}, {"WQ3", " Billing "}}
	workflows  = [][2]string{{"WW1", "Assign to anyone"}, {"WW2", "Night"}}
	activities = [][2]string{{"WA1", "Available"}, {"WA2", "Break"}, {"WA3", "Offline"}, {"WA4", "available"}, {"WA5", " Lunch "}}
	agents     = []string{"WK1", "WK2", "WK3"}
	accounts   = []string{"AC1", "AC2"}

	conversationTexts = []string{
		"campaign", "campain", "case", "category", "language", "outcome", "outcome_category", "priority", "reason", "queue", "channel",
		"company_contact", "external_contact", "attribute_1", "attribute_2", "attribute_3", "conversation_attribute_1", "conversation_attribute_3",
	}
	conversationNumbers = []string{"fact_01", "fact_02", "fact_03", "fact_1", "fact_2", "conversation_measure_1", "conversation_measure_3", "focus_time", "hold_time"}
	customerTexts       = []string{"state", "country", "category", "organization", "region", "segment", "market_segment"}
	workerTexts         = []string{"full_name", "first_name", "last_name", "email", "department", "department_name", "location", "manager", "organization", "team", "agent_team", "team_name"}
)
