# Which pillar each minion gets.
base:
  '*':
    - schedule
  'web*':
    - web
