package bigquerylocal

type uploads struct{ server *Server }

func (c *call) upload() (any, error) { return nil, unknown("uploads") }
