# Every five seconds the states of resource.sls: a file that somebody removed is back in that time.
schedule:
  job1:
    function: state.sls
    seconds: 5
    args:
      - resource
