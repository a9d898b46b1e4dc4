package ldapprobe

import (
	"github.com/go-ldap/ldap/v3"

	"tocsin/probes/probe"
)

// Names of what has none of its own in RFC 4511.
const unnamed = "unnamed"

// names are the result codes as RFC 4511, appendix A, calls them. The list is
// closed: it is the value of the label result.
func names() map[uint16]string {
	return map[uint16]string{
		ldap.LDAPResultSuccess:                      "success",
		ldap.LDAPResultOperationsError:              "operationsError",
		ldap.LDAPResultProtocolError:                "protocolError",
		ldap.LDAPResultTimeLimitExceeded:            "timeLimitExceeded",
		ldap.LDAPResultSizeLimitExceeded:            "sizeLimitExceeded",
		ldap.LDAPResultAuthMethodNotSupported:       "authMethodNotSupported",
		ldap.LDAPResultStrongAuthRequired:           "strongerAuthRequired",
		ldap.LDAPResultReferral:                     "referral",
		ldap.LDAPResultAdminLimitExceeded:           "adminLimitExceeded",
		ldap.LDAPResultUnavailableCriticalExtension: "unavailableCriticalExtension",
		ldap.LDAPResultConfidentialityRequired:      "confidentialityRequired",
		ldap.LDAPResultSaslBindInProgress:           "saslBindInProgress",
		ldap.LDAPResultNoSuchAttribute:              "noSuchAttribute",
		ldap.LDAPResultUndefinedAttributeType:       "undefinedAttributeType",
		ldap.LDAPResultInappropriateMatching:        "inappropriateMatching",
		ldap.LDAPResultConstraintViolation:          "constraintViolation",
		ldap.LDAPResultInvalidAttributeSyntax:       "invalidAttributeSyntax",
		ldap.LDAPResultNoSuchObject:                 "noSuchObject",
		ldap.LDAPResultAliasProblem:                 "aliasProblem",
		ldap.LDAPResultInvalidDNSyntax:              "invalidDNSyntax",
		ldap.LDAPResultAliasDereferencingProblem:    "aliasDereferencingProblem",
		ldap.LDAPResultInappropriateAuthentication:  "inappropriateAuthentication",
		ldap.LDAPResultInvalidCredentials:           "invalidCredentials",
		ldap.LDAPResultInsufficientAccessRights:     "insufficientAccessRights",
		ldap.LDAPResultBusy:                         "busy",
		ldap.LDAPResultUnavailable:                  "unavailable",
		ldap.LDAPResultUnwillingToPerform:           "unwillingToPerform",
		ldap.LDAPResultLoopDetect:                   "loopDetect",
		ldap.LDAPResultOther:                        "other",
	}
}

// name returns what a result code is called.
func name(code uint16) string {
	if n, ok := names()[code]; ok {
		return n
	}
	return unnamed
}

// reason returns why a probe fails that was answered so.
func reason(code uint16) probe.Reason {
	switch code {
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultAuthMethodNotSupported:
		return probe.LoginRefused
	case ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultStrongAuthRequired:
		return probe.Encryption
	case ldap.LDAPResultTimeLimitExceeded:
		return probe.Timeout
	default:
		return probe.Status
	}
}

// meaning adds to a result's name what it tells an administrator.
func meaning(code uint16) string {
	switch code {
	case ldap.LDAPResultInvalidCredentials:
		return ": no such entry, or another password"
	case ldap.LDAPResultInappropriateAuthentication:
		return ": the entry has no password to log in with"
	case ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultStrongAuthRequired:
		return ": the server wants TLS first; write starttls: true, or ldaps://"
	case ldap.LDAPResultNoSuchObject:
		return ": there is no such base, or this user may not see it"
	case ldap.LDAPResultInsufficientAccessRights:
		return ": this user may not do that"
	default:
		return ""
	}
}
