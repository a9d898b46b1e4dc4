// Package websocketprobe looks whether a server turns from HTTP to WebSocket,
// as chats, editors and video conferences want it, and what it says then.
package websocketprobe
