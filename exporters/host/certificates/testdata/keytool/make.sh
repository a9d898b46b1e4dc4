#!/bin/sh
# Makes the stores beside this file, by keytool of OpenJDK 17 (Debian's
# openjdk-17-jre-headless); the tests only read them. All of them open with
# "changeit".
set -eu
cd "$(dirname "$0")"
rm -f ./*.p12 ./*.jks ./*.jceks ./*.pem
kt() { keytool "$@" -storepass changeit -noprompt 2>/dev/null; }
key() { # store alias name options
	store=$1 alias=$2 name=$3
	shift 3
	kt -genkeypair -keystore "$store" -alias "$alias" -dname "CN=$name" -ext "san=dns:$name" \
		-startdate "2026/01/01 00:00:00" -validity 7300 -keypass changeit "$@"
}
key two.p12 www www.ville.example -keyalg RSA -keysize 2048
key two.p12 api api.ville.example -keyalg EC -groupname secp256r1
key ed25519.p12 www ed.ville.example -keyalg Ed25519
key trust.p12 gone gone.ville.example -keyalg EC -groupname secp256r1
kt -exportcert -rfc -keystore trust.p12 -alias gone -file root.pem
rm trust.p12
kt -importcert -keystore trust.p12 -alias root -file root.pem
cp trust.p12 trusting.p12
key trusting.p12 www trusting.ville.example -keyalg EC -groupname secp256r1
cp trusting.p12 strange.p12
key strange.p12 api strange.ville.example -keyalg EC -groupname secp256r1
key two.jks www www.ville.example -storetype JKS -keyalg RSA -keysize 2048
key two.jks api api.ville.example -storetype JKS -keyalg EC -groupname secp256r1
key one.jceks www www.ville.example -storetype JCEKS -keyalg EC -groupname secp256r1
rm root.pem
