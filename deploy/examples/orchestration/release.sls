# Two steps, run by `reactor run state.orchestrate release`: the file goes to every minion first, and then it is looked at.
the file is in its place:
  salt.state:
    - tgt: '*'
    - sls: resource

it can be read:
  salt.function:
    - name: cmd.run
    - tgt: '*'
    - arg:
        - [sha256sum, /home/www/resource/dove.jpg]
    - require:
        - salt: the file is in its place
