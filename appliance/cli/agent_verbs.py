"""The verbs for agents and their tokens."""

from __future__ import annotations

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, Verbs, json_option

SCOPES = ("read", "paper", "live", "feed")


@click.group("agent", cls=Verbs)
def agent_group() -> None:
    """Agents and their tokens."""


@agent_group.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("read", "paper"),
    show_default=True,
    help="What the token opens; give it once for each. None implies another.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How long the token is good.")
@click.option("--symbol", "symbols", multiple=True, help="Narrow it to this instrument; give it once for each.")
@json_option
@click.pass_obj
def add_agent(
    line: CommandLine, name: str, scopes: tuple[str, ...], days: int, symbols: tuple[str, ...], as_json: bool
) -> None:
    """Add an agent and show its token, this once."""
    from appliance.domain.agents import AgentScope

    granted = frozenset(AgentScope(scope) for scope in scopes)
    only = frozenset(symbols) or None
    added = ask(line, lambda client: client.add_agent(name, granted, days, only), offline=True)
    if as_json:
        print_json(added)
        return
    click.echo(f"agent {added.name} may {', '.join(sorted(scopes))} for {days} days. Its token, shown this once:\n")
    click.echo(f"  {added.token}\n")
    click.echo("Give it as READYTRADER_AGENT_TOKEN to `readytrader mcp`, or as a bearer token over HTTP.")


@agent_group.command("list")
@json_option
@click.pass_obj
def list_agents(line: CommandLine, as_json: bool) -> None:
    """Every agent that was ever added."""
    agents = ask(line, lambda client: client.agents(), offline=True)
    if as_json:
        print_json(agents)
    elif not agents:
        click.echo("no agent was added yet; whoever runs as this user may read and trade on paper without one")
    else:
        for agent in agents:
            state = "revoked" if agent.revoked_at else "good" if agent.good else "expired"
            only = "" if agent.symbols is None else f"  only {', '.join(agent.symbols)}"
            click.echo(
                f"{agent.name:<20} {state:<8} {','.join(agent.scopes):<22} until {agent.expires_at:%Y-%m-%d}{only}"
            )


@agent_group.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke_agent(line: CommandLine, name: str) -> None:
    """Close an agent's token for good. Open sessions are refused at their next call."""
    ask(line, lambda client: client.revoke_agent(name), offline=True)
    click.echo(f"agent {name} is revoked")
