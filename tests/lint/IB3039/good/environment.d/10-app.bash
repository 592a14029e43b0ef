export DIB_APP=1
