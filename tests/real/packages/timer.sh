#!/bin/bash
# As root of a system that nothing keeps (overlay.sh): the Debian package's timer and service in a real systemd of a user,
# with all their limits. timer.sh HOME ENVIRONMENT-FILE; the home gets the results as files. No user's keyring is touched:
# the user exists only here.
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
home=$1
user=54322
fail() {
    echo "timer.sh: $1" >&2
    cat "$home/systemd" "$home/service" >&2
    exit 1
}
dpkg -i "$RELEASE"/*.deb >/dev/null 2>&1
useradd --no-create-home --home-dir "$home" --uid "$user" --user-group awsfresh-test
chown -R "$user:$user" "$home"
# Here is no journal.
mkdir /usr/lib/systemd/user/awsfresh-refresh.service.d
printf '[Service]\nStandardError=append:%s/service\n' "$home" >/usr/lib/systemd/user/awsfresh-refresh.service.d/output.conf

# Groups of processes that belong to the user, as the systemd of a machine has them for the systemd of a user. A systemd
# without them would need root, and would move the processes of this machine into groups of its own.
groups=()
for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
    if [ "$root" = /sys/fs/cgroup ] && [ ! -f "$root/cgroup.controllers" ]; then continue; fi
    if [ -d "$root" ]; then groups+=("$root/awsfresh-test-$BASHPID-$RANDOM"); fi
done
# Ends what is left in them, which no process outside of this namespace is.
remove_groups() {
    for group in "${groups[@]}"; do
        for _ in $(seq 50); do
            find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do
                [ "$pid" = 0 ] || kill -KILL "$pid" 2>/dev/null || true
            done || true
            find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
            [ -d "$group" ] || break
            sleep 0.1
        done
    done
}
trap remove_groups EXIT
for group in "${groups[@]}"; do
    mkdir "$group"
    chown -R "$user" "$group"
done
mkdir -p /run/systemd/system "/run/user/$user"
chown "$user" "/run/user/$user"
chmod 700 "/run/user/$user"

mapfile -t variables <"$2"
variables+=("XDG_RUNTIME_DIR=/run/user/$user" "HOME=$home" "PATH=/usr/bin:/bin")
as_user() {
    setpriv --reuid "$user" --regid "$user" --clear-groups env -i "${variables[@]}" "$@"
}
(
    for group in "${groups[@]}"; do
        echo 0 >"$group/cgroup.procs"
    done
    as_user /lib/systemd/systemd --user --log-target=console >"$home/systemd" 2>&1
) &
for _ in $(seq 300); do
    if as_user systemctl --user is-active --quiet timers.target 2>/dev/null; then break; fi
    sleep 0.1
done

as_user systemctl --user enable --now awsfresh-refresh.timer 2>/dev/null || fail 'the timer cannot be enabled'
as_user systemctl --user list-timers --no-pager >"$home/timers"
grep 'awsfresh-refresh.service' "$home/timers" >/dev/null || fail 'the timer is not active'
as_user systemctl --user start awsfresh-refresh.service || fail 'the service failed'
as_user systemctl --user show awsfresh-refresh.service -p Result,ExecMainStatus,NoNewPrivileges >"$home/shown"
# The same commands, from outside the service: the cache has what the service put there.
as_user awsfresh credential-process --profile deploy >"$home/answer" || fail 'there is no answer'
as_user awsfresh status --json >"$home/status"

# Once more with the keyring of a desktop, on a bus of its own: systemctl would use that of the user.
bus=unix:path=/run/user/$user/bus-of-the-test
as_user dbus-daemon --session --address="$bus" --nofork --nopidfile >/dev/null 2>&1 &
on_bus=("DBUS_SESSION_BUS_ADDRESS=$bus" AWSFRESH_STORE=keyring)
for _ in $(seq 100); do
    [ ! -S "${bus#unix:path=}" ] || break
    sleep 0.1
done
printf password | as_user "${on_bus[@]}" gnome-keyring-daemon --unlock --components=secrets --foreground >/dev/null 2>&1 &
for _ in $(seq 100); do
    if printf x | as_user "${on_bus[@]}" secret-tool store --label=first first item 2>/dev/null; then break; fi
    sleep 0.1
done
as_user "${on_bus[@]}" secret-tool lookup first item >/dev/null || fail 'there is no keyring'
as_user systemctl --user set-environment "${on_bus[@]}"
as_user systemctl --user start awsfresh-refresh.service || fail 'the service failed with a keyring'
as_user "${on_bus[@]}" awsfresh credential-process --profile deploy >"$home/answer-of-keyring" || fail 'there is no answer'
as_user "${on_bus[@]}" secret-tool search --all service awsfresh >"$home/items" 2>/dev/null

as_user systemctl --user disable --now awsfresh-refresh.timer 2>/dev/null


as_user systemctl --user exit
# The bus and the keyring end with this process.
chown -R 0:0 "$home"
