package ssm

import (
	"context"

	"latchkey/pkg/secret"
)

// parameter is a parameter as the service writes it.
type parameter struct {
	Name  string        `json:"Name"`
	Value secret.String `json:"Value"`
}

// Read returns the value of the parameter of that name, decrypted; [ErrNotFound] if there is none.
func (c *Client) Read(ctx context.Context, name string) (secret.String, error) {
	input := struct {
		Name           string
		WithDecryption bool
	}{name, true}
	var output struct{ Parameter parameter }
	if err := c.call(ctx, "GetParameter", input, &output); err != nil {
		return secret.String{}, err
	}
	return output.Parameter.Value, nil
}

// ReadBelow returns the values of all parameters below path, at any depth, decrypted, by their full names. The service
// gives them ten at a time; one that is written meanwhile may be in it or not.
func (c *Client) ReadBelow(ctx context.Context, path string) (map[string]secret.String, error) {
	input := struct {
		Path           string
		Recursive      bool
		WithDecryption bool
		NextToken      string `json:"NextToken,omitzero"`
	}{Path: path, Recursive: true, WithDecryption: true}
	all := make(map[string]secret.String)
	for {
		var page struct {
			Parameters []parameter
			NextToken  string
		}
		if err := c.call(ctx, "GetParametersByPath", input, &page); err != nil {
			return nil, err
		}
		for _, each := range page.Parameters {
			all[each.Name] = each.Value
		}
		if page.NextToken == "" {
			return all, nil
		}
		input.NextToken = page.NextToken
	}
}

// write is the input of PutParameter. The value is a plain string here, since a secret does not marshal.
type write struct {
	Name      string
	Value     string
	Type      string
	Tier      string
	Overwrite bool
}

func (c *Client) put(ctx context.Context, name string, value secret.String, overwrite bool) error {
	var output struct{ Version int64 }
	return c.call(ctx, "PutParameter", write{
		Name: name, Value: value.Reveal(), Type: "SecureString", Tier: "Standard", Overwrite: overwrite,
	}, &output)
}

// Create makes a parameter, or says that one of that name is there: of several callers at once one makes it. A caller whose
// first answer was lost may be told that it is there, made by itself.
func (c *Client) Create(ctx context.Context, name string, value secret.String) (made bool, err error) {
	err = c.put(ctx, name, value, false)
	if hasCode(err, codeExists) {
		return false, nil
	}
	return err == nil, err
}

// Replace gives a parameter another value, or makes it if it is gone.
func (c *Client) Replace(ctx context.Context, name string, value secret.String) error {
	return c.put(ctx, name, value, true)
}

// Delete removes a parameter; one that is not there is no error.
func (c *Client) Delete(ctx context.Context, name string) error {
	err := c.call(ctx, "DeleteParameter", struct{ Name string }{name}, &struct{}{})
	if hasCode(err, codeNotFound) {
		return nil
	}
	return err
}
