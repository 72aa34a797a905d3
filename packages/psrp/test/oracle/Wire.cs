using System.Management.Automation;
using System.Reflection;

namespace Oracle;

/// <summary>
/// The serializer as remoting itself uses it: a message body without a root element, characters unchecked
/// (`Fragmentor.SerializeToBytes` and `DeserializeToPSObject`, internal).
/// </summary>
public static class Wire
{
    const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    static readonly object Fragmentor = Make();

    static object Make()
    {
        var type = typeof(PSObject).Assembly.GetType("System.Management.Automation.Remoting.Fragmentor", throwOnError: true)!;
        var constructor = type.GetConstructors(Any).Single();
        return constructor.Invoke([32768, null]);
    }

    public static byte[] Serialize(object? value)
    {
        using var stream = new MemoryStream();
        Invoke("SerializeToBytes", value, stream);
        return stream.ToArray();
    }

    public static object? Deserialize(byte[] body)
    {
        using var stream = new MemoryStream(body);
        return Invoke("DeserializeToPSObject", stream);
    }

    static object? Invoke(string method, params object?[] parameters)
    {
        try
        {
            return Fragmentor.GetType().GetMethod(method, Any)!.Invoke(Fragmentor, parameters);
        }
        catch (TargetInvocationException error) when (error.InnerException is not null)
        {
            throw error.InnerException;
        }
    }
}
