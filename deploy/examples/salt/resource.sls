# Keeps one file as it is on the master. The folder is there already; makedirs: True would make it.
/home/www/resource/dove.jpg:
  file:
    - managed
    - source: salt://resource/dove.jpg
