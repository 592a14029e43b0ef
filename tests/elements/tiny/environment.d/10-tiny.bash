export DISTRO_NAME=tiny
export TINY_WORD=${TINY_WORD:-none}
