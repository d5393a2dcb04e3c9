# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The proxies of proxies.sh on TLS, and with them h2o and nghttpx: HTTP/1.1 and HTTP/2 by ALPN on one
# port, before the same HTTP/1.1 backend. Instances are called KIND-tls; KIND-tls-ec has an ECDSA
# certificate instead of RSA. Sourced by run.sh, with bash.

# make_certificates: a self-made one of each kind.
make_certificates() {
    local name=$scratch/tls
    [ ! -f "$name.rsa.crt" ] || return 0
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$name.rsa.key" -out "$name.rsa.crt" -days 30 \
        -subj /CN=bench.example.com -addext subjectAltName=DNS:bench.example.com,DNS:localhost 2>/dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.ec.key" \
        -out "$name.ec.crt" -days 30 -subj /CN=bench.example.com \
        -addext subjectAltName=DNS:bench.example.com,DNS:localhost 2>/dev/null
    # haproxy wants both in one file.
    cat "$name.rsa.crt" "$name.rsa.key" >"$name.rsa.pem"
    cat "$name.ec.crt" "$name.ec.key" >"$name.ec.pem"
}

# tls_files INSTANCE: certificate and key without their endings.
tls_files() {
    [[ $1 == *-ec ]] && echo "$scratch/tls.ec" || echo "$scratch/tls.rsa"
}

conf_weir_tls() {
    local files
    files=$(tls_files "$1")
    cat <<CONF
workers = 1;
limits = { connections = 20000; handshakes = 20000; requests = 2000000000; };
log = { access = "off"; error = "$scratch/$1.error"; };
listeners = ( { name = "public"; bind = "127.0.0.1:${port[$1]}";
    tls = { certificates = ( { certificate = "$files.crt"; key = "$files.key"; } ); }; } );
clusters = { app = { endpoints = [ "127.0.0.1:${port[origin]}" ]; }; };
routes = ( { name = "all"; cluster = "app"; } );
CONF
}

conf_nginx_tls() {
    local files
    files=$(tls_files "$1")
    conf_nginx "$1" | sed "s#^\( *listen .*\);#\1 ssl http2;\n        ssl_certificate $files.crt;\n        ssl_certificate_key $files.key;\n        ssl_protocols TLSv1.2 TLSv1.3;\n        http2_max_requests 2000000000;#"
}

conf_haproxy_tls() {
    conf_haproxy "$1" | sed "s#^\( *bind .*\)#\1 ssl crt $(tls_files "$1").pem alpn h2,http/1.1#"
}

conf_h2o_tls() {
    local files
    files=$(tls_files "$1")
    cat <<CONF
num-threads: 1
max-connections: 20000
error-log: $scratch/$1.error
pid-file: $scratch/$1.pid
user: $(id -un)
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: ${port[$1]}
      ssl:
        certificate-file: $files.crt
        key-file: $files.key
        ocsp-update-interval: 0
    paths:
      /:
        proxy.reverse.url: http://127.0.0.1:${port[origin]}/
        proxy.timeout.keepalive: 60000
        proxy.preserve-host: ON
CONF
}

conf_nghttpx_tls() {
    local files
    files=$(tls_files "$1")
    cat <<CONF
frontend=127.0.0.1,${port[$1]}
backend=127.0.0.1,${port[origin]}
private-key-file=$files.key
certificate-file=$files.crt
workers=1
errorlog-file=$scratch/$1.error
accesslog-file=/dev/null
accesslog-write-early=no
CONF
}

# run_tls INSTANCE CONF: the process itself, in place of the shell.
run_tls() {
    case $(kind_of "$1") in
    floor) exec $pin_proxy "$build/tests/bench/floor_tls" "${port[origin]}" "$(tls_files "$1").crt" "$(tls_files "$1").key" >"$scratch/$1.port" ;;
    weir) exec $pin_proxy "$build/weir" -c "$2" ;;
    nginx) exec $pin_proxy nginx -c "$2" -p "$scratch" -e "$scratch/$1.error" ;;
    haproxy) exec $pin_proxy haproxy -db -f "$2" ;;
    h2o) exec $pin_proxy h2o -c "$2" ;;
    nghttpx) exec $pin_proxy nghttpx --conf="$2" ;;
    esac
}

# start_tls INSTANCE: as start().
start_tls() {
    local instance=$1 kind conf
    kind=$(kind_of "$instance")
    conf=$scratch/$instance.conf
    make_certificates
    if [ "$kind" != floor ]; then
        port[$instance]=$("$build/tools/demo_origin" -p 1)
        "conf_${kind}_tls" "$instance" >"$conf"
    fi
    run_tls "$instance" "$conf" >"$scratch/$instance.out" 2>&1 &
    pid[$instance]=$!
    await_start "$instance"
}
