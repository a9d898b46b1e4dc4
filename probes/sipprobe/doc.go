// Package sipprobe asks a telephone server by SIP's OPTIONS whether it is
// there: what telephones and other servers ask before they call. It calls
// nobody, and registers nowhere.
package sipprobe
