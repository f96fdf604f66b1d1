package bigquerylocal

func (x *translator) create(s *Server, all []token) (*statement, error) {
	return nil, x.unknown(all[0], "the statement CREATE")
}
