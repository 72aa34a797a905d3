// The judge of the protocol core: PowerShell's own engine behind a few commands.
// One file per command; a new one adds its line here.
using Oracle;

var commands = new Dictionary<string, Func<string[], int>>
{
    ["serialize"] = SerializeCommand.Run,
    ["deserialize"] = DeserializeCommand.Run,
    ["measure"] = MeasureCommand.Run,
    ["parse"] = ParseCommand.Run,
    ["server"] = ServerCommand.Run,
    ["pipe"] = PipeCommand.Run,
    ["invoke"] = InvokeCommand.Run,
    ["conform"] = ConformCommand.Run,
};

if (args.Length == 0 || !commands.TryGetValue(args[0], out var command))
{
    Console.Error.WriteLine($"usage: oracle {string.Join('|', commands.Keys)} …");
    return 2;
}
return command(args[1..]);
