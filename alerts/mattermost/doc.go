// Package mattermost says notifications in a Mattermost channel.
//
// With a bot's token there is one post for each alert group. The post is
// edited in place as the group changes and turns green when all is resolved;
// what people must notice is said in its thread, since an edit makes no
// sound. With an incoming webhook, whose posts can't be edited, each change is
// a post of its own.
//
// What was said is kept in a file, written before and after speaking, so that
// a crash between the two neither repeats nor forgets a message. The package
// decides on status codes, never on the text of an answer, and no error of
// it carries a token, a webhook's address or anything that the server wrote.
//
// Source of the server's behaviour: tried on Mattermost 9.9 and 11.1.
package mattermost
