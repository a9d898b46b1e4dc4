package samlcheck

import (
	"strings"

	"tocsin/internal/problem"
)

// Config is the key saml_metadata of an entry, whose target is the metadata.
type Config struct {
	// EntityID is who the metadata must be of. It may be left out where there
	// is one entity only.
	EntityID string `yaml:"entity_id,omitempty"`
}

// maxID is what SAML allows an entity's identifier to be, in characters.
const maxID = 1024

// Validate adds what is wrong.
func (c *Config) Validate(p problem.List) {
	if len(c.EntityID) > maxID || strings.ContainsAny(c.EntityID, " \t\n") {
		p.At("entity_id").Addf("is no identifier of an entity; write it as the metadata has it, as https://connexion.ville.example/idp/saml2/metadata")
	}
}
