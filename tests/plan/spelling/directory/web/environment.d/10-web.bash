export PORT=${PORT:-80}
export WEB_URL="http://localhost:${PORT}/"
