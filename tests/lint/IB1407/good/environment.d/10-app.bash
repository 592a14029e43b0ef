export DIB_APP=${DIB_APP:-yes}
