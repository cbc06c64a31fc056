"""What the SNMP probe measures: its part of the catalogue."""

from __future__ import annotations

from probes.sample import Metric

_OF = ("interface", "alias")

OPER_UP = Metric("linkwatch_interface_oper_up", "Whether the interface carries packets.", labels=_OF)
ADMIN_UP = Metric("linkwatch_interface_admin_up", "Whether the interface is switched on.", labels=_OF)
SPEED = Metric(
    "linkwatch_interface_speed_bytes_per_second",
    "Speed of the interface, bytes per second.",
    labels=_OF,
    unit="bytes_per_second",
)
RECEIVE_BYTES = Metric(
    "linkwatch_interface_receive_bytes_total", "Bytes received.", "counter", _OF, unit="bytes"
)
TRANSMIT_BYTES = Metric(
    "linkwatch_interface_transmit_bytes_total", "Bytes transmitted.", "counter", _OF, unit="bytes"
)
UTILIZATION = Metric(
    "linkwatch_interface_utilization_ratio",
    "Share of the interface's speed in use since the last poll.",
    labels=(*_OF, "direction"),
    unit="ratio",
)
ERRORS = Metric("linkwatch_interface_errors_total", "Packets with errors.", "counter", (*_OF, "direction"))
DISCARDS = Metric(
    "linkwatch_interface_discards_total", "Packets discarded without error.", "counter", (*_OF, "direction")
)
ERRORS_RATIO = Metric(
    "linkwatch_interface_errors_ratio",
    "Share of packets with errors within the window.",
    labels=(*_OF, "direction", "window"),
    unit="ratio",
)
DISCARDS_RATIO = Metric(
    "linkwatch_interface_discards_ratio",
    "Share of packets discarded without error within the window.",
    labels=(*_OF, "direction", "window"),
    unit="ratio",
)
UPTIME = Metric(
    "linkwatch_device_uptime_seconds",
    "How long the device's agent has been running (sysUpTime; starts anew after 497 days).",
    unit="seconds",
)

ENGINE_DUPLICATE = Metric(
    "linkwatch_snmp_engine_duplicate",
    "Whether another device answers with the same SNMPv3 engine id.",
)

_COMPONENT = ("component",)

CPU = Metric("linkwatch_device_cpu_ratio", "Share of a processor in use.", labels=_COMPONENT, unit="ratio")
MEMORY = Metric("linkwatch_device_memory_ratio", "Share of memory in use.", labels=_COMPONENT, unit="ratio")
STORAGE = Metric("linkwatch_device_storage_ratio", "Share of a disk in use.", labels=_COMPONENT, unit="ratio")
TEMPERATURE = Metric(
    "linkwatch_device_temperature_celsius",
    "Temperature of a part of the device.",
    labels=_COMPONENT,
    unit="celsius",
)
TEMPERATURE_OK = Metric(
    "linkwatch_device_temperature_ok", "Whether the device finds its temperature normal.", labels=_COMPONENT
)
FAN_OK = Metric("linkwatch_device_fan_ok", "Whether the device finds the fan working.", labels=_COMPONENT)
FAN_SPEED = Metric("linkwatch_device_fan_speed_rpm", "Revolutions of the fan per minute.", labels=_COMPONENT)
POWER_SUPPLY_OK = Metric(
    "linkwatch_device_power_supply_ok",
    "Whether the device finds the power supply working.",
    labels=_COMPONENT,
)
VOLTAGE = Metric(
    "linkwatch_device_voltage_volts", "Voltage that feeds the device.", labels=_COMPONENT, unit="volts"
)
POWER = Metric(
    "linkwatch_device_power_watts", "Power that the device draws.", labels=_COMPONENT, unit="watts"
)
OPTICAL_POWER = Metric(
    "linkwatch_interface_optical_power_dbm",
    "Optical power at the module, dBm (0 is 1 mW).",
    labels=(*_OF, "direction"),
)
UPS_ON_BATTERY = Metric("linkwatch_ups_on_battery", "Whether the UPS runs on its battery.")
UPS_CHARGE = Metric("linkwatch_ups_charge_ratio", "How full the UPS's battery is.", unit="ratio")
UPS_RUNTIME = Metric(
    "linkwatch_ups_runtime_seconds", "How long the UPS's battery lasts at this load.", unit="seconds"
)
UPS_LOAD = Metric("linkwatch_ups_load_ratio", "Share of the UPS's power in use.", unit="ratio")
UPS_INPUT = Metric("linkwatch_ups_input_volts", "Voltage that feeds the UPS.", unit="volts")
UPS_BATTERY_OK = Metric("linkwatch_ups_battery_ok", "Whether the UPS finds its battery fit.")

_PEER = ("peer", "remote_as")
BGP_UP = Metric("linkwatch_bgp_peer_up", "Whether the BGP session is established.", labels=_PEER)
BGP_STATE = Metric(
    "linkwatch_bgp_peer_state",
    "BGP state: 1 idle, 2 connect, 3 active, 4 opensent, 5 openconfirm, 6 established.",
    labels=_PEER,
)
BGP_ADMIN_UP = Metric("linkwatch_bgp_peer_admin_up", "Whether the BGP session is switched on.", labels=_PEER)
BGP_ESTABLISHED = Metric(
    "linkwatch_bgp_peer_established_seconds",
    "How long the BGP session has been established, or was the last time.",
    labels=_PEER,
    unit="seconds",
)

METRICS = (
    OPER_UP,
    ADMIN_UP,
    SPEED,
    RECEIVE_BYTES,
    TRANSMIT_BYTES,
    UTILIZATION,
    ERRORS,
    DISCARDS,
    ERRORS_RATIO,
    DISCARDS_RATIO,
    UPTIME,
    ENGINE_DUPLICATE,
    CPU,
    MEMORY,
    STORAGE,
    TEMPERATURE,
    TEMPERATURE_OK,
    FAN_OK,
    FAN_SPEED,
    POWER_SUPPLY_OK,
    VOLTAGE,
    POWER,
    OPTICAL_POWER,
    UPS_ON_BATTERY,
    UPS_CHARGE,
    UPS_RUNTIME,
    UPS_LOAD,
    UPS_INPUT,
    UPS_BATTERY_OK,
    BGP_UP,
    BGP_STATE,
    BGP_ADMIN_UP,
    BGP_ESTABLISHED,
)
