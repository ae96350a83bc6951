#!/bin/sh
# The linker of a release. It puts the functions that a run calls beside each other, as functions.txt lists them: a run touches some thousand
# of twenty thousand functions, and each page with one of them has to be mapped, and found in no cache at first. Wherever that cannot be
# done, it links as always. `make order` writes the list anew.
set -eu
list=$(dirname "$0")/functions.txt
case "$*" in
*-fuse-ld=lld*) ;;
*) exec cc "$@" ;;
esac
command -v nm > /dev/null || exec cc "$@"

order=$(mktemp)
trap 'rm -f "$order"' EXIT
for argument; do
    case $argument in
    *.o) nm --format=posix "$argument" 2> /dev/null || : ;;
    esac
done | awk -v list="$list" '
    # A mangled name ends in a digest, which the list leaves out: it is another one for each compiler and each set of packages.
    BEGIN {
        for (i = 0; i < 16; i++) digest = digest "[0-9a-f]"
        digest = "17h" digest "E$"
        while ((getline name < list) > 0) { place[name] = ++count; names[count] = name }
    }
    {
        stem = $1
        if (sub(digest, "", stem) && stem in place) found[place[stem]] = found[place[stem]] $1 "\n"
    }
    END { for (i = 1; i <= count; i++) if (i in found) printf "%s", found[i]; else print names[i] }
' > "$order"
cc "$@" "-Wl,--symbol-ordering-file=$order" -Wl,--no-warn-symbol-ordering
