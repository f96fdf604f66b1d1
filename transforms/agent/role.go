package agent

import (
	"strings"

	"flexbeam/schemas/attribute"
	"flexbeam/schemas/model"
)

var (
	roleID  = model.WorkerTree.ID("role")
	rolesID = model.WorkerTree.ID("roles")
)

// Role returns the highest known role that role and roles have together, in lower case. If none is
// known it returns the first one that is none of the `wfo.` roles that Flex adds (contract, section
// 9).
func Role(o *attribute.Overlay) string {
	first := ""
	best, rank := "", 0
	for _, id := range [...]attribute.ID{roleID, rolesID} {
		for _, r := range o.List(id) {
			low := strings.ToLower(r)
			n := 0
			switch low {
			case "admin":
				n = 3
			case "supervisor":
				n = 2
			case "agent":
				n = 1
			default:
				if first == "" && !strings.HasPrefix(low, "wfo.") {
					first = r
				}
			}
			if n > rank {
				best, rank = low, n
			}
		}
	}
	if best != "" {
		return best
	}
	return first
}

// Roles returns all of roles, else of role, joined with a comma and a blank.
func Roles(o *attribute.Overlay) string {
	for _, id := range [...]attribute.ID{rolesID, roleID} {
		if l := o.List(id); len(l) > 0 {
			return strings.Join(l, ", ")
		}
	}
	return ""
}
