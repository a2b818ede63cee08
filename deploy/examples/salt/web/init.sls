# A web server: its package, its configuration from a template, and the service, which is restarted when the configuration
# changes. What is in the pillar under `web` goes before what is here.
{% set web = salt['pillar.get']('web', {}) %}
{% set port = web.get('port', 80) %}

nginx:
  pkg.installed: []
  service.running:
    - enable: True
    - require:
        - pkg: nginx
    - watch:
        - file: /etc/nginx/conf.d/site.conf

/etc/nginx/conf.d/site.conf:
  file.managed:
    - source: salt://web/site.conf
    - template: jinja
    - mode: '0644'
    - context:
        port: {{ port }}
    - require:
        - pkg: nginx

/srv/www:
  file.directory:
    - mode: '0755'

/srv/www/index.html:
  file.managed:
    - contents: |
        Served by {{ grains.id }} on port {{ port }}.
    - require:
        - file: /srv/www
