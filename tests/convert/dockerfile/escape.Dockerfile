# escape=`
# check=skip=all
FROM scratch AS one
COPY a `
     # between

     b `
     /c/
ENV A='$x' B="\$y" C=$A
CMD echo \
