# a comment
FROM scratch
COPY <<-"A" <<B /x/
	one $X
	A
two
B
RUN ["a", "b"]
RUN [ -f /x ] && echo \