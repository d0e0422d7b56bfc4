package ssm

import (
	"context"

	"latchkey/pkg/secret"
)

// parameter is a parameter in a response of the service.
type parameter struct {
	Name  string        `json:"Name"`
	Value secret.String `json:"Value"`
}

// Read returns the decrypted value of a parameter. The error is [ErrNotFound] if it does not exist.
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

// ReadBelow returns the decrypted values of all parameters below path, at any depth, by their full names. The service returns
// them in pages of ten, so a parameter that is written meanwhile may be missing.
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

// write is the input of PutParameter. The value is a plain string, because a secret does not marshal.
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

// Create creates a parameter and reports whether it did. If the name exists, it changes nothing. Of concurrent callers, exactly
// one creates the parameter. If a response is lost and the call repeated, the caller that created it may get false.
func (c *Client) Create(ctx context.Context, name string, value secret.String) (created bool, err error) {
	err = c.put(ctx, name, value, false)
	if hasCode(err, codeExists) {
		return false, nil
	}
	return err == nil, err
}

// Replace stores the value of a parameter, whether or not it exists.
func (c *Client) Replace(ctx context.Context, name string, value secret.String) error {
	return c.put(ctx, name, value, true)
}

// Delete deletes a parameter. A missing parameter is not an error.
func (c *Client) Delete(ctx context.Context, name string) error {
	err := c.call(ctx, "DeleteParameter", struct{ Name string }{name}, &struct{}{})
	if hasCode(err, codeNotFound) {
		return nil
	}
	return err
}
