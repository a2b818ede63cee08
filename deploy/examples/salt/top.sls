# Which states each minion gets, by state.highstate and by state.apply without a name.
base:
  '*':
    - resource
  'web*':
    - web
