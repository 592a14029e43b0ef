export DIB_APP=${DIB_APP:-}
if [ -n "$DIB_APP" ]; then
    export DIB_APP_URL=https://example.org/$DIB_APP
fi
