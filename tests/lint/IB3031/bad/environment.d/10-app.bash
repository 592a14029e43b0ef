export DIB_APP=${DIB_APP:-}
[ -n "$DIB_APP" ] && export DIB_APP_URL=https://example.org/$DIB_APP
