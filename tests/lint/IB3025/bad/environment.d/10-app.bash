set +e
export DIB_APP=${DIB_APP:-yes}
shopt -s nullglob
