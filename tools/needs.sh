#!/bin/sh
# Says what `make test` needs of this machine, what there is of it, and what to install where something
# is missing. It compiles nothing, and runs no program but those that it looks for. (An older Go fetches
# the one that go.mod names, unless GOTOOLCHAIN=local.) Exit status: 0 all is there, 1 something is missing.
cd "${0%/*}/.." || exit 1

missing=0

# have NAME WHAT says what there is; want NAME NEEDED HOW says what is missing, and how to get it.
have() { printf '  %-16s %s\n' "$1" "$2"; }
want() {
    missing=$((missing + 1))
    printf '  %-16s MISSING: %s. %s\n' "$1" "$2" "$3"
}

# number TEXT prints the first number of a text such as v20.1: 20.
number() {
    n=${1#"${1%%[0-9]*}"}
    printf '%s' "${n%%[!0-9]*}"
}

# first WORD… prints the first word: CC may be "gcc -m64".
first() { printf '%s' "$1"; }

# compiler LANGUAGE COMMAND EXAMPLE VARIABLE looks for a compiler.
compiler() {
    # shellcheck disable=SC2086 # CC and CXX may hold options behind the name
    program=$(first $2)
    if [ -n "$program" ] && command -v "$program" > /dev/null; then
        have "$1 compiler" "$2"
    else
        want "$1 compiler" "there is no ${program:-$3}" "Install $3 (Debian, Ubuntu: build-essential; Fedora: gcc-c++; macOS: xcode-select --install), or set $4"
    fi
}

echo "make test needs Go 1.26, a C and a C++ compiler, git, Node.js 20 with npm, and Java 11 or 17 with Maven and pip:"

getgo='Install it from https://go.dev/dl/'
cc=${CC:-gcc} cxx=${CXX:-g++}
if ! command -v go > /dev/null; then
    want Go 'there is no go' "$getgo"
elif ! version=$(go version 2>&1); then
    want Go "$version" "$getgo"
else
    version=${version#go version go}
    version=${version%% *}
    minor=${version#*.}
    if [ "$(number "$version")" -eq 1 ] && [ "$(number "$minor")" -lt 26 ]; then
        want Go "go $version is older than 1.26" "$getgo"
    else
        have Go "$version"
    fi
    cc=$(go env CC) cxx=$(go env CXX)
    if [ "${CGO_ENABLED:-}" = 0 ]; then
        want cgo 'CGO_ENABLED=0 switches it off, and DuckDB needs it' 'Unset CGO_ENABLED'
    fi
fi

compiler C "$cc" gcc CC
compiler C++ "$cxx" g++ CXX

if command -v git > /dev/null; then
    have git "$(command -v git)"
else
    want git 'there is no git' 'Install git'
fi

getnode='Install it from https://nodejs.org, or set FLEXBEAM_TEST_KINESIS=fake to leave out the tests that need it'
if [ "${FLEXBEAM_TEST_KINESIS:-}" = fake ]; then
    have Node.js 'not needed: FLEXBEAM_TEST_KINESIS=fake'
else
    if ! command -v node > /dev/null; then
        want Node.js 'there is no node' "$getnode"
    elif ! version=$(node --version 2>&1) || [ -z "$(number "$version")" ]; then
        want Node.js "node --version failed: $version" "$getnode"
    elif [ "$(number "$version")" -lt 20 ]; then
        want Node.js "node $version is older than 20" "$getnode"
    else
        have Node.js "$version"
    fi
    if command -v npm > /dev/null; then
        have npm "$(command -v npm)"
    else
        want npm 'there is no npm' "It comes with Node.js; some distributions have it as a package npm. FLEXBEAM_TEST_KINESIS=fake leaves out the tests that need it"
    fi
fi

if [ -n "${JAVA_HOME:-}" ]; then java=$JAVA_HOME/bin/java; else java=java; fi
getjava='Install a Java runtime of version 11 or 17 (Debian, Ubuntu: openjdk-17-jre-headless), or set JAVA_HOME'
if ! command -v "$java" > /dev/null; then
    want Java "there is no $java" "$getjava"
else
    version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
    if [ -n "$version" ] && [ "$version" -ge 11 ] && [ "$version" -le 17 ]; then
        have Java "$version"
    else
        want Java "$java is of version ${version:-unknown}" "$getjava"
    fi
fi
if command -v mvn > /dev/null; then
    have Maven "$(command -v mvn)"
else
    want Maven 'there is no mvn' 'Install Maven (Debian, Ubuntu: maven)'
fi
if command -v pip3 > /dev/null; then
    have pip "$(command -v pip3)"
elif command -v pip > /dev/null; then
    have pip "$(command -v pip)"
else
    want pip 'there is no pip' 'Install Python 3 with pip (Debian, Ubuntu: python3-pip)'
fi

if [ "$missing" -gt 0 ]; then
    echo "make test: missing of these: $missing. Nothing was compiled." >&2
    exit 1
fi
echo "All is there. The first run fetches Go modules, two tools, two npm packages and a Flink at pinned versions."
