#!/bin/sh
# Stands in for gcc when Go's linker makes a plugin. Go's linker runs gcc three times to learn which options it knows, and
# once to link; all that gcc adds to the last is the call of ld. This answers the questions at once and calls ld, which
# halves the time that a cell takes to link.
n=$#
while [ "$n" -gt 0 ]; do
	a=$1
	shift
	n=$((n - 1))
	case $a in
	*/trivial.c) exit 0 ;;
	-m64 | -rdynamic | -O2 | -g | -pthread | -Qunused-arguments) ;;
	-Wl,*)
		rest=${a#-Wl,}
		while :; do
			case $rest in
			*,*)
				set -- "$@" "${rest%%,*}"
				rest=${rest#*,}
				;;
			*)
				set -- "$@" "$rest"
				break
				;;
			esac
		done
		;;
	*) set -- "$@" "$a" ;;
	esac
done
exec ld -m elf_x86_64 --eh-frame-hdr "$@"
