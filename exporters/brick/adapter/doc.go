// Package adapter asks services: each adapter speaks one protocol and makes
// one JSON document of the answer. What it reads is bounded in bytes, depth
// and time; a failure has one of the reasons of package bricks, and words that
// hold neither secrets nor what the server sent.
//
// It is not for judging the answer nor for making metrics of it.
package adapter
