FROM scratch
COPY <<EOF /x
no end
